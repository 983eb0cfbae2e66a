# Runs inside the image, after its packages are in.
set -eu
install -d /exports

# Runs inside the image, after its packages are in.
set -eu
groupadd --system --gid 999 mysql
useradd --system --uid 999 --gid mysql --home-dir /var/lib/mysql --no-create-home --shell /usr/sbin/nologin mysql
install -d -o mysql -g mysql -m 0750 /var/lib/mysql
install -d -o mysql -g mysql -m 0755 /run/mysqld
# The server refuses to start without the folder that it was built to export files into.
install -d -o mysql -g mysql -m 0770 /var/lib/mysql-files

# What the start script of the public image wordpress:4.9-apache does: it copies WordPress to where the site is served
# from, if it is not there, with keys that all pods share, and creates the database.
set -eu
export WORDPRESS_DB_USER="${WORDPRESS_DB_USER:-root}"
cd /var/www/html
if [ ! -e index.php ] || [ ! -e wp-includes/version.php ]; then
  tar --directory=/usr/src/wordpress --create . | tar --extract --no-same-owner --no-overwrite-dir
fi
if [ ! -s wp-keys.sh ]; then
  for key in AUTH SECURE_AUTH LOGGED_IN NONCE; do
    for what in KEY SALT; do
      echo "export WORDPRESS_${key}_$what=$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')"
    done
  done >wp-keys.tmp
  mv wp-keys.tmp wp-keys.sh
fi
. ./wp-keys.sh
until php -r '
  mysqli_report(MYSQLI_REPORT_OFF);
  $to = mysqli_connect(getenv("WORDPRESS_DB_HOST"), getenv("WORDPRESS_DB_USER"), getenv("WORDPRESS_DB_PASSWORD"));
  exit($to && mysqli_query($to, "CREATE DATABASE IF NOT EXISTS wordpress") ? 0 : 1);
'; do sleep 3; done
exec apache2-foreground

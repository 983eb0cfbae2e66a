# Runs inside the image, after its packages are in.
set -eu
# Debian spreads WordPress and its libraries over the system and links them together: here they become plain files.
cp -rL --preserve=mode,timestamps /usr/share/wordpress/. /tmp/wordpress
rm -f /tmp/wordpress/wp-config.php /tmp/wordpress/.htaccess
cp -a /var/www/html/wp-config.php /tmp/wordpress/
rm -rf /var/www/html
mv /tmp/wordpress /var/www/html
test -s /var/www/html/wp-content/themes/twentytwentyone/style.css
test -s /var/www/html/wp-includes/version.php
install -d /var/www/html/wp-content/languages
cp -al /var/www/html /usr/src/wordpress
install -d -o www-data -g www-data /var/www/html/wp-content/uploads /usr/src/wordpress/wp-content/uploads
install -d /run/apache2 /run/lock/apache2
for program in apache2 php; do command -v "$program" >/dev/null; done
apache2 -t -f /etc/apache2/hachaos.conf

"""WordPress 6.1 with a theme, on Apache and PHP 8.2.

The code is in /var/www/html and again (hard links) in /usr/src/wordpress; /var/www/html/wp-content/uploads is the mount
point for the shared files. Nothing is written at the start. `wp-config.php` reads the environment variables of the
public `wordpress` image: WORDPRESS_DB_*, the eight keys and salts, WORDPRESS_CONFIG_EXTRA; and WP_HOME, WP_SITEURL.
"""

from __future__ import annotations

from pathlib import Path

from chaos.cluster.local.images.recipe import Recipe

RECIPE = Recipe(
    name="wordpress",
    folder=Path(__file__).parent,
    packages=(
        "libapache2-mod-php",
        "php-curl",
        "php-gd",
        "php-mbstring",
        "php-mysql",
        "php-xml",
        "wordpress",
        # 33 ms of CPU a front page against 53 with the default block theme.
        "wordpress-theme-twentytwentyone",
        "curl",
    ),
    # WordPress was copied to where the public image has it; its packages' own places are not needed then.
    leave_out=(
        "usr/share/wordpress",
        "usr/share/javascript",
        "usr/share/fonts",
        "usr/share/php/getid3",
        "var/lib/wordpress",
        "etc/wordpress",
        "usr/lib/x86_64-linux-gnu/libicudata.so.*.debug",
    ),
    command=("apache2-foreground",),
    working_directory="/var/www/html",
    # Apache takes SIGTERM for "now" and this for "when the requests in hand are answered".
    stop_signal="SIGWINCH",
    ports=(80,),
)

# Runs inside the image, after its packages are in.
set -eu
# A fixed number: volumes outlive images.
groupadd --system --gid 999 mysql
useradd --system --uid 999 --gid mysql --home-dir /var/lib/mysql --no-create-home --shell /usr/sbin/nologin mysql
install -d -o mysql -g mysql -m 0750 /var/lib/mysql
install -d -o mysql -g mysql -m 0755 /run/mysqld
install -d /etc/mysql/conf.d
# The names by which manifests written for MySQL and Percona XtraBackup call the same programs.
ln -sf ../sbin/mariadbd /usr/bin/mysqld
ln -sf ../sbin/mariadbd /usr/bin/mariadbd
ln -sf mariadb-install-db /usr/bin/mysql_install_db
ln -sf mariadb-backup /usr/bin/xtrabackup
ln -sf mbstream /usr/bin/xbstream

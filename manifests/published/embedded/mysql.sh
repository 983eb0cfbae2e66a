# What the start script of the public image mysql:5.7 does with MYSQL_ALLOW_EMPTY_PASSWORD: an empty data folder becomes a
# new database with a root who has no password and may come from anywhere.
set -eu
data=/var/lib/mysql
{
  cat /etc/mysql/conf.d/*.cnf
  printf '%s\n' '[mysqld]' "datadir=$data" socket=/run/mysqld/mysqld.sock bind-address=0.0.0.0 user=mysql
} >/tmp/my.cnf
first=
if [ ! -d "$data/mysql" ]; then
  mysql_install_db --no-defaults --user=mysql --datadir="$data" --skip-test-db --auth-root-authentication-method=normal
  # One statement a line: the server reads no further otherwise.
  printf '%s\n' "CREATE USER root@'%' IDENTIFIED BY '';" "GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;" >/tmp/first.sql
  first=--init-file=/tmp/first.sql
fi
chown -R mysql:mysql "$data"
exec mysqld --defaults-file=/tmp/my.cnf $first

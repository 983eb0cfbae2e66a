<?php
/*
 * Ready = Apache and PHP answer here, and this pod has reached the database within the last 30 seconds.
 *
 * All pods share one database. If each left the Service as soon as the database was away, a restart of mysql-0 that
 * takes 3 s would leave the Service without endpoints, and the site would stay away for the probes' period and the
 * endpoints' way through kube-proxy on top of it. So a pod that has served before bears an outage of 30 s; a pod that
 * is new, or that alone cannot reach the database, gets no requests. The uploads are not asked for at all: while NFS
 * hangs, pages can still be served.
 */
const BEARS_S = 30;
$seen = '/tmp/database-seen';

mysqli_report( MYSQLI_REPORT_OFF );
$database = mysqli_init();
$database->options( MYSQLI_OPT_CONNECT_TIMEOUT, 1 );
$database->options( MYSQLI_OPT_READ_TIMEOUT, 1 );
$connected = @$database->real_connect(
	getenv( 'WORDPRESS_DB_HOST' ),
	getenv( 'WORDPRESS_DB_USER' ),
	getenv( 'WORDPRESS_DB_PASSWORD' ),
	getenv( 'WORDPRESS_DB_NAME' )
);
if ( $connected && $database->query( 'SELECT 1' ) ) {
	touch( $seen );
}
clearstatcache();
$ready = is_file( $seen ) && time() - filemtime( $seen ) <= BEARS_S;
http_response_code( $ready ? 200 : 503 );
header( 'Content-Type: text/plain' );
header( 'Cache-Control: no-store' );
echo $ready ? "ready\n" : "no database for " . BEARS_S . " s\n";

<?php
/*
 * A connection to the database that nobody answers within a second is begun once more: the kernel gives it another port.
 *
 * For two minutes after the primary was away a node may still send what comes from a port that this pod used then to
 * the pod that is gone (nf_conntrack_tcp_timeout_syn_sent), and whoever asked for a page would wait for nothing. Nothing
 * was said on the first connection, so nothing can be done twice. The second waits as long as WordPress does.
 */
$GLOBALS['wpdb'] = new class( DB_USER, DB_PASSWORD, DB_NAME, DB_HOST ) extends wpdb {
	public function db_connect( $allow_bail = true ) {
		$patience  = ini_set( 'default_socket_timeout', '1' );
		$connected = parent::db_connect( false );
		ini_set( 'default_socket_timeout', $patience );
		return $connected || parent::db_connect( $allow_bail );
	}
};

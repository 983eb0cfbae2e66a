<?php
/* WordPress's configuration from environment variables, named as in the public `wordpress` image. */

/** The value of NAME, or the contents of the file that NAME_FILE names, or $default. */
function hachaos_env( string $name, ?string $default = null ): ?string {
	$file = getenv( $name . '_FILE' );
	if ( false !== $file && '' !== $file ) {
		return rtrim( (string) file_get_contents( $file ), "\r\n" );
	}
	$value = getenv( $name );
	return false === $value ? $default : $value;
}

define( 'DB_HOST', hachaos_env( 'WORDPRESS_DB_HOST', 'mysql' ) );
define( 'DB_NAME', hachaos_env( 'WORDPRESS_DB_NAME', 'wordpress' ) );
define( 'DB_USER', hachaos_env( 'WORDPRESS_DB_USER', 'wordpress' ) );
define( 'DB_PASSWORD', hachaos_env( 'WORDPRESS_DB_PASSWORD', '' ) );
define( 'DB_CHARSET', hachaos_env( 'WORDPRESS_DB_CHARSET', 'utf8mb4' ) );
define( 'DB_COLLATE', hachaos_env( 'WORDPRESS_DB_COLLATE', '' ) );
$table_prefix = hachaos_env( 'WORDPRESS_TABLE_PREFIX', 'wp_' );

// Without these the login would be made of values that each pod draws for itself.
foreach ( array( 'AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE' ) as $name ) {
	foreach ( array( $name . '_KEY', $name . '_SALT' ) as $secret ) {
		define( $secret, hachaos_env( 'WORDPRESS_' . $secret, 'put your unique phrase here' ) );
	}
}

// The address under which the site is known; else what the database says.
foreach ( array( 'WP_HOME', 'WP_SITEURL' ) as $name ) {
	$address = hachaos_env( $name );
	if ( null !== $address && '' !== $address ) {
		define( $name, $address );
	}
}
if ( isset( $_SERVER['HTTP_X_FORWARDED_PROTO'] ) && str_contains( $_SERVER['HTTP_X_FORWARDED_PROTO'], 'https' ) ) {
	$_SERVER['HTTPS'] = 'on';
}

// Whatever these define wins over the defaults below.
$extra = hachaos_env( 'WORDPRESS_CONFIG_EXTRA' );
if ( null !== $extra && '' !== $extra ) {
	eval( $extra );
}

$defaults = array(
	'WP_DEFAULT_THEME'           => 'twentytwentyone',
	'WP_DEBUG'                   => '' !== (string) hachaos_env( 'WORDPRESS_DEBUG', '' ),
	'WP_DEBUG_DISPLAY'           => false,
	// With "local", application passwords work without TLS.
	'WP_ENVIRONMENT_TYPE'        => 'local',
	// A page view must not start other work or leave the cluster: what a probe measures is the page.
	'DISABLE_WP_CRON'            => true,
	'WP_HTTP_BLOCK_EXTERNAL'     => true,
	'AUTOMATIC_UPDATER_DISABLED' => true,
	'WP_AUTO_UPDATE_CORE'        => false,
	// The code is the image's: what one pod changed in its own copy, the others would not have.
	'DISALLOW_FILE_MODS'         => true,
	'FS_METHOD'                  => 'direct',
);
foreach ( $defaults as $name => $value ) {
	defined( $name ) || define( $name, $value );
}

defined( 'ABSPATH' ) || define( 'ABSPATH', __DIR__ . '/' );
require_once ABSPATH . 'wp-settings.php';

<?php
// WordPress sends a statement again whose connection was lost before the answer came, on a connection of its own making.
// Nobody knows then whether the first one was carried out, and a post would be there twice. So it is sent once: the
// request fails, and who sent that decides.
$GLOBALS['wpdb']->reconnect_retries = 0;

<?php
// WordPress writes what it wants to keep for a while (transients) into its database, and some of it anew once a minute,
// by whoever asks for a page then. That page waits for the commit; while no replica acknowledges one, so does every page
// after it. With a cache of its own WordPress would keep them there: here that is the memory of the one request.
wp_using_ext_object_cache( true );

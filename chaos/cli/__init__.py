"""The command line. Each module holds the commands of one noun and is imported only when one of them is called."""

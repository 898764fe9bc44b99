"""What the commands show: data from the server in, rich's renderables out. Nothing here asks the server."""

"""The web console as it is served: made by tools/console from console/, not edited by hand."""

"""One module per kind of resource: the declaration's part of it in; what to read, create, change and remove out."""

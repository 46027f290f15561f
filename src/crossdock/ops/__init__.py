"""Tools for those who run crossdock, over public APIs: they work against AWS as well."""

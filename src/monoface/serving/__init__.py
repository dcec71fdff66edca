"""A local web app and a REST API: photos in, pages and files out.

The server holds no network and no face: processes of its own do the work, one photo after the other, and a
photo that ends one of them ends nothing else.
"""

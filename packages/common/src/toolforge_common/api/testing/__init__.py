"""For the tests of services: a client in process, and the tests that every service has alike.

`client` calls an app as the gateway would; `seam` compares marshmallow schemas with the document;
`contract` looks at the document itself; `fuzz` drives the app with what the document allows.
"""

"""What every API service is built from: the app around its handlers, errors on the wire, access.

Nothing is imported here on purpose: `errors` and `document` are light and used by the gateway, too;
`service` brings in Connexion and Flask, which nothing outside this package touches.
"""

"""Connexion and Flask, brought in at one place.

Leaving them is the work of this package alone: nothing outside it imports either.
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # Connexion 3.3 imports names that jsonschema and Starlette have deprecated, which only it can mend.
    warnings.simplefilter("ignore")
    import connexion  # type: ignore[import-untyped]  # Connexion ships no types
    from connexion.datastructures import (  # type: ignore[import-untyped]  # see above
        MediaTypeDict,
    )
    from connexion.decorators import ASGIDecorator  # type: ignore[import-untyped]  # see above
    from connexion.exceptions import (  # type: ignore[import-untyped]  # see above
        ProblemException,
    )
    from connexion.jsonifier import Jsonifier  # type: ignore[import-untyped]  # see above
    from connexion.lifecycle import (  # type: ignore[import-untyped]  # see above
        ConnexionRequest,
        ConnexionResponse,
    )
    from connexion.middleware.abstract import (  # type: ignore[import-untyped]  # see above
        RoutedAPI,
        RoutedMiddleware,
    )
    from connexion.middleware.context import (  # type: ignore[import-untyped]  # see above
        ContextMiddleware,
    )
    from connexion.middleware.exceptions import (  # type: ignore[import-untyped]  # see above
        ExceptionMiddleware,
    )
    from connexion.middleware.request_validation import (  # type: ignore[import-untyped]  # see above
        RequestValidationMiddleware,
    )
    from connexion.middleware.response_validation import (  # type: ignore[import-untyped]  # see above
        ResponseValidationAPI,
        ResponseValidationMiddleware,
    )
    from connexion.middleware.routing import (  # type: ignore[import-untyped]  # see above
        RoutingMiddleware,
    )
    from connexion.middleware.security import (  # type: ignore[import-untyped]  # see above
        SecurityMiddleware,
    )
    from connexion.resolver import Resolver  # type: ignore[import-untyped]  # see above
    from connexion.security import ApiKeySecurityHandler  # type: ignore[import-untyped]  # see above
    from connexion.validators import (  # type: ignore[import-untyped]  # see above
        AbstractRequestBodyValidator,
        AbstractResponseBodyValidator,
        ParameterValidator,
    )
    from flask.json.provider import JSONProvider

FlaskApp = connexion.FlaskApp

__all__ = [
    "ASGIDecorator",
    "AbstractRequestBodyValidator",
    "AbstractResponseBodyValidator",
    "ApiKeySecurityHandler",
    "ConnexionRequest",
    "ConnexionResponse",
    "ContextMiddleware",
    "ExceptionMiddleware",
    "FlaskApp",
    "JSONProvider",
    "Jsonifier",
    "MediaTypeDict",
    "ParameterValidator",
    "ProblemException",
    "RequestValidationMiddleware",
    "Resolver",
    "ResponseValidationAPI",
    "ResponseValidationMiddleware",
    "RoutedAPI",
    "RoutedMiddleware",
    "RoutingMiddleware",
    "SecurityMiddleware",
]

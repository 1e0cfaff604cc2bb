"""The HTTP face of basepay: the apps' API and the providers' callback routes, in Litestar."""

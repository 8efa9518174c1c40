"""The build's stages, one property per module; `appsplus.pipeline` lists them in order.

A stage is a function: it is given a problem and returns it, changed or not, or a `Rejection`. It never mutates.
"""

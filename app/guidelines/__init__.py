"""Published guidelines and risk models as pure functions of typed inputs that may be unknown.

An input that is not known is `None`, never "no": where the answer depends on it, the function
returns every answer that is possible, each with the condition that leads to it.
"""

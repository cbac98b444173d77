"""The networks on a server that speaks the Open Inference Protocol, version 2, over HTTP.

The protocol is KServe's (https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol),
with its binary tensor data extension; Triton and MLServer speak it too.
"""

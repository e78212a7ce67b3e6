#!/usr/bin/env python3
"""Colour a picture on a TensorFlow Serving server.

pip install tensorflow-serving-api    (for gRPC only)
python examples/client.py --model=photos photo.jpg coloured.png
python examples/client.py --model=photos --server=localhost:8500 photo.jpg c.png

A server that starts with http:// is asked by REST, another one by gRPC.
"""

import argparse
import base64
import json
import pathlib
import urllib.request


def rest_body(data):
    """JSON of a prediction for one encoded picture."""
    encoded = base64.b64encode(data).decode()
    return json.dumps({"instances": [{"image_bytes": {"b64": encoded}}]}).encode()


def by_rest(server, model, data):
    address = f"{server}/v1/models/{model}:predict"
    with urllib.request.urlopen(address, rest_body(data)) as answer:
        return base64.b64decode(json.load(answer)["predictions"][0]["b64"])


def grpc_request(model, data):
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto([data]))
    return request


def by_grpc(server, model, data):
    import grpc
    from tensorflow_serving.apis import prediction_service_pb2_grpc

    with grpc.insecure_channel(
        server, [("grpc.max_receive_message_length", -1)]
    ) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        answer = stub.Predict(grpc_request(model, data), timeout=60)
    return answer.outputs["colorized_bytes"].string_val[0]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--server", default="http://localhost:8501")
    parser.add_argument("--model", required=True)
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("target", type=pathlib.Path)
    given = parser.parse_args()
    ask = by_rest if given.server.startswith("http") else by_grpc
    colored = ask(given.server, given.model, given.source.read_bytes())
    given.target.write_bytes(colored)


if __name__ == "__main__":
    main()

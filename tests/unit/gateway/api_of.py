"""Descriptor sets for tests, made from a few lines of proto."""

from __future__ import annotations

import tempfile
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc

from gateway.api import ROOT

_HEAD = """
syntax = "proto3";
package kehu.{room}.v1;
import "google/api/annotations.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "kehu/options/v1/options.proto";
"""


def api_of(text: str, *, room: str = "shop") -> FileDescriptorSet:
    """The descriptor set of one proto file of package `kehu.<room>.v1`, given without its head."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "shop.proto")
        source.write_text(_HEAD.replace("{room}", room) + text)
        out = Path(folder, "out.binpb")
        well_known = Path(protoc.__file__).parent / "_proto"
        includes = [f"-I{path}" for path in (folder, ROOT / "protos", ROOT / "third_party/googleapis", well_known)]
        arguments = ["protoc", *includes, "--include_imports", f"--descriptor_set_out={out}", str(source)]
        if protoc.main(arguments) != 0:
            raise ValueError("protoc refused the text; its words are above")
        return FileDescriptorSet.FromString(out.read_bytes())

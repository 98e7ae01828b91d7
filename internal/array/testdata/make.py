"""Writes the fixtures of the tests with NumPy: python make.py"""

import numpy as np

values = np.arange(6).reshape(2, 3)
types = {}
for name in "f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8".split():
    for order in "<>":
        types[f"{'big' if order == '>' else 'little'}_{name}"] = values.astype(order + name)
        types[f"fortran_{'big' if order == '>' else 'little'}_{name}"] = np.asfortranarray(values.astype(order + name))
types["bool"] = values > 2
types["halves"] = np.array([0x0000, 0x8000, 0x0001, 0x03FF, 0x0400, 0x3C00, 0xBC01, 0x7BFF, 0x7C00, 0xFC00, 0x7E00], np.uint16).view(np.float16)
types["fortran_cube"] = np.asfortranarray(np.arange(24, dtype=np.int16).reshape(2, 3, 4))
types["scalar"] = np.float32(1.5)
types["empty"] = np.zeros((3, 0, 2), np.float32)
types["large"] = np.array([2**63 - 1, -(2**63)], np.int64)
types["beyond"] = np.array([2**63], np.uint64)
types["doubles"] = np.array([1 / 3, 1e300, -1e-300], np.float64)
np.savez("types.npz", **types)
np.savez_compressed("deflated.npz", samples=np.zeros((100, 20), np.float32), label=np.array([3, 1, 2]))
np.savez("single.npz", whatever=np.array([1.0, 2.0], np.float32))
np.save("plain.npy", np.array([[0.5, -1.25, 3.0]], np.float32))
for version in (2, 3):
    with open(f"version{version}.npy", "wb") as f:
        np.lib.format.write_array(f, np.array([7, 8], np.int32), version=(version, 0))

"""Assign rows to inverted lists on a CUDA device: `ListAssignment` and `Centroids` in torch, in float32."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from densephrase.build_index.lists.list_assignment import NEAR_GROUPS
from densephrase.encoder.device import find_device
from densephrase.index.lists.list_tree import ListTree

_ROWS_COMPARED = 65_536  # with all groups at once: 128 MiB of scores for 512 groups


class CudaCentroids:
    """`densephrase.quantise.centroids.Centroids` on a torch device: centroids float32 [n, V]; any device will do.

    Raises:
        DeviceError: if there is no such device.
    """

    def __init__(self, vectors: NDArray[np.float32], device: str) -> None:
        self._device = find_device(device)
        self._vectors = torch.from_numpy(vectors).to(self._device)
        self._half_norms = (self._vectors * self._vectors).sum(1) / 2

    def __len__(self) -> int:
        return len(self._vectors)

    def scores(self, vectors: Tensor, members: slice = slice(None)) -> Tensor:
        """Compare vectors (m, V) with some of the centroids: the nearest has the largest score, (m, members)."""
        return vectors @ self._vectors[members].T - self._half_norms[members]

    @torch.inference_mode()
    def nearest_of_codes(self, codes: NDArray[np.int8], scale: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the nearest of each row of codes int8 [m, V] as `scale` float32 [V] decodes it, int64 [m]."""
        scales = torch.from_numpy(scale).to(self._device)
        blocks = (codes[first : first + _ROWS_COMPARED] for first in range(0, len(codes), _ROWS_COMPARED))
        parts = [self.scores(torch.from_numpy(block).to(self._device) * scales).argmax(1).cpu() for block in blocks]
        nearest: NDArray[np.int64] = torch.cat(parts).numpy()
        return nearest


class CudaListAssignment:
    """The comparison of vectors with the lists of a tree, all as decoded by `scale` float32 [V].

    The lists are those of `ListAssignment`, but for rows that lie between two of them to the last bits.
    """

    def __init__(self, tree: ListTree, scale: NDArray[np.float32], device: str) -> None:
        """`device` is a torch device; any will do.

        Raises:
            DeviceError: if there is no such device.
        """
        self._device = find_device(device)
        self._scale = torch.from_numpy(scale).to(self._device)
        self._ptr: list[int] = tree.group_ptr.tolist()
        self._groups = CudaCentroids(tree.group_codes * scale, device)
        self._lists = CudaCentroids(tree.list_codes * scale, device)

    @torch.inference_mode()
    def nearest(self, codes: NDArray[np.int8]) -> NDArray[np.int32]:
        """Return the list nearest (L2) to each row of codes int8 [n, at least V], int32 [n]; of equal ones the first.

        Only the lists of a row's NEAR_GROUPS nearest groups are looked at.
        """
        parts = [self._nearest(codes[at : at + _ROWS_COMPARED]) for at in range(0, len(codes), _ROWS_COMPARED)]
        return np.concatenate([np.empty(0, np.int32), *parts])

    def _nearest(self, codes: NDArray[np.int8]) -> NDArray[np.int32]:
        vectors = torch.from_numpy(np.ascontiguousarray(codes[:, : len(self._scale)])).to(self._device) * self._scale
        near = self._groups.scores(vectors).topk(min(NEAR_GROUPS, len(self._groups))).indices
        groups, order = near.flatten().sort(stable=True)
        # Where each group's rows end is the only thing that the processor waits for.
        bounds = [0, *groups.bincount(minlength=len(self._groups)).cumsum(0).tolist()]
        order = order.div(near.shape[1], rounding_mode="floor")
        best = torch.full((len(vectors),), -torch.inf, device=self._device)
        nearest = torch.zeros(len(vectors), dtype=torch.int64, device=self._device)
        for group, (begin, end) in enumerate(zip(bounds[:-1], bounds[1:], strict=True)):
            if begin == end:
                continue
            rows, lists = order[begin:end], slice(self._ptr[group], self._ptr[group + 1])
            score, place = self._lists.scores(vectors[rows], lists).max(1)
            better = score > best[rows]
            best[rows] = torch.where(better, score, best[rows])
            nearest[rows] = torch.where(better, place + self._ptr[group], nearest[rows])
        found: NDArray[np.int32] = nearest.int().cpu().numpy()
        return found

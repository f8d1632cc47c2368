"""Find the nearest list of each row on a CUDA device: `ListAssignment` in torch, in matrix products of float32."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from densephrase.build_index.lists.list_assignment import NEAR_GROUPS
from densephrase.encoder.device import find_device
from densephrase.index.lists.list_tree import ListTree

_ROWS_COMPARED = 65_536  # with all groups at once: 128 MiB of scores for 512 groups


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
        self._groups, self._group_norms = _with_norms(self._vectors(tree.group_codes))
        self._lists, self._list_norms = _with_norms(self._vectors(tree.list_codes))

    @torch.inference_mode()
    def nearest(self, codes: NDArray[np.int8]) -> NDArray[np.int32]:
        """Return the list nearest (L2) to each row of codes int8 [n, at least V], int32 [n]; of equal ones the first.

        Only the lists of a row's NEAR_GROUPS nearest groups are looked at.
        """
        parts = [self._nearest(codes[at : at + _ROWS_COMPARED]) for at in range(0, len(codes), _ROWS_COMPARED)]
        return np.concatenate([np.empty(0, np.int32), *parts])

    def _nearest(self, codes: NDArray[np.int8]) -> NDArray[np.int32]:
        vectors = self._vectors(codes[:, : len(self._scale)])
        near = (vectors @ self._groups.T - self._group_norms).topk(min(NEAR_GROUPS, len(self._groups))).indices
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
            score, place = (vectors[rows] @ self._lists[lists].T - self._list_norms[lists]).max(1)
            better = score > best[rows]
            best[rows] = torch.where(better, score, best[rows])
            nearest[rows] = torch.where(better, place + self._ptr[group], nearest[rows])
        found: NDArray[np.int32] = nearest.int().cpu().numpy()
        return found

    def _vectors(self, codes: NDArray[np.int8]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(codes)).to(self._device) * self._scale


def nearest_centroids(
    sample: NDArray[np.int8], scale: NDArray[np.float32], centroids: NDArray[np.float32], device: str
) -> NDArray[np.int64]:
    """Return the centroid, of float32 [n, V], nearest (L2) to each row of codes int8 [N, V], int64 [N]."""
    place = find_device(device)
    scales, (vectors, norms) = torch.from_numpy(scale).to(place), _with_norms(torch.from_numpy(centroids).to(place))
    parts = [
        (torch.from_numpy(sample[at : at + _ROWS_COMPARED]).to(place) * scales @ vectors.T - norms).argmax(1).cpu()
        for at in range(0, len(sample), _ROWS_COMPARED)
    ]
    nearest: NDArray[np.int64] = torch.cat(parts).numpy()
    return nearest


def _with_norms(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Return centroids (n, V) and half their squared lengths (n): v is nearest where v.c - |c|^2 / 2 is greatest."""
    return vectors, (vectors * vectors).sum(1) / 2

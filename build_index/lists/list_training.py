"""Train inverted lists by two-level k-means (FAISS): groups first, then the lists inside each group.

So many rows need so many lists that a k-means over all of them at once would compare every row of the sample with every
list. Inside groups it is the square root of that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from densephrase.faiss_device import FaissDevice, cuda_number
from densephrase.index.lists.list_tree import ListTree
from densephrase.quantise.centroids import Centroids

ITERATIONS = 10
_ROWS_PER_GROUP = 256  # to train a group on


def train_lists(
    sample: NDArray[np.int8], scale: NDArray[np.float32], lists: int, groups: int, seed: int, device: str = "cpu"
) -> ListTree:
    """Return `lists` centroids in at most `groups` groups, fitted to a sample of codes int8 [n, V], n >= lists.

    Distances are those of decoded vectors (`scale` float32 [V]); a group gets lists by its share of the sample, so that
    lists hold about equally many rows. Another device may give another sum in the last bits, and then other centroids.

    Raises:
        MissingExtraError, DeviceError: as `open_faiss`.
    """
    if not len(sample):
        nothing = np.zeros((1, sample.shape[1]), np.int8)
        return ListTree(nothing, np.array([0, 1]), nothing)
    faiss = open_faiss(device)
    few = sample[np.random.default_rng(seed).permutation(len(sample))[: _ROWS_PER_GROUP * groups]]
    coarse = _kmeans(faiss, few * scale, groups, seed)
    members = _nearest(sample, scale, coarse, device)
    shares = share_out(lists, np.bincount(members, minlength=groups))
    kept = np.flatnonzero(shares)  # a group without lists could take no rows
    fine = [_kmeans(faiss, sample[members == group] * scale, int(shares[group]), seed) for group in kept]
    group_ptr = np.concatenate([[0], np.cumsum(shares[kept])]).astype(np.int64)
    return ListTree(_codes(coarse[kept], scale), group_ptr, _codes(np.concatenate(fine), scale))


def share_out(total: int, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Divide `total` in proportion to `sizes`, by largest remainders; no share is larger than its size.

    total: at most the sum of `sizes`.
    """
    exact = total * sizes.astype(np.float64) / max(1, int(sizes.sum()))
    shares = np.floor(exact).astype(np.int64)
    left = total - int(shares.sum())
    shares[np.argsort(shares - exact, kind="stable")[:left]] += 1
    return shares


def open_faiss(device: str) -> FaissDevice:
    """Load FAISS for training on a device.

    Raises:
        MissingExtraError: if FAISS is not installed, or not its GPU build for a CUDA device.
        DeviceError: if there is no such CUDA device.
    """
    return FaissDevice.open(device, "Fitting the inverted lists of a large index")


def _kmeans(device: FaissDevice, vectors: NDArray[np.float32], centroids: int, seed: int) -> NDArray[np.float32]:
    # Not faiss.Kmeans, which can be told how many devices to use but not which.
    faiss, dimensions = device.faiss, vectors.shape[1]
    clustering = faiss.Clustering(dimensions, centroids)
    clustering.niter, clustering.seed = ITERATIONS, seed
    clustering.min_points_per_centroid = 1
    clustering.max_points_per_centroid = len(vectors)  # the sample is already of the wanted size
    clustering.train(np.ascontiguousarray(vectors), device.place(faiss.IndexFlatL2(dimensions)))
    trained: NDArray[np.float32] = faiss.vector_to_array(clustering.centroids).reshape(centroids, dimensions)
    return trained


def _nearest(
    sample: NDArray[np.int8], scale: NDArray[np.float32], centroids: NDArray[np.float32], device: str
) -> NDArray[np.int64]:
    if cuda_number(device) is None:
        return Centroids(centroids).nearest_of_codes(sample, scale)
    from densephrase.build_index.lists.cuda_assignment import CudaCentroids

    return CudaCentroids(centroids, device).nearest_of_codes(sample, scale)


def _codes(vectors: NDArray[np.float32], scale: NDArray[np.float32]) -> NDArray[np.int8]:
    codes: NDArray[np.int8] = np.clip(np.rint(vectors / scale), -127, 127).astype(np.int8)
    return codes

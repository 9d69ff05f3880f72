// Package mpi lets the processes that mpiexec started work on one training. It calls a library of MPI
// by the standard ABI of MPI 5 (libmpi_abi: MPICH from 5, Open MPI from 6) without cgo, in a build with
// the tag xla.
//
// Sums are of the same bits for any number of processes: each adds its part of all arrays in the order
// of the ranks, which MPI_Allreduce does not promise.
package mpi

"""The peer of `palimpsest bench data`: Pillow and numpy, one process a thread, each building its own batches.

usage: pillow_loader.py RESOLUTION PROCESSES SECONDS BATCH FILE...
prints images a second, from disk to float32 batches in [-1, 1]
"""
import multiprocessing
import sys
import time

import numpy
from PIL import Image


def load(files, resolution, seconds, batch, barrier, counts, number):
    def once(start):
        out = numpy.empty((batch, resolution, resolution, 3), numpy.float32)
        for row in range(batch):
            with Image.open(files[(start + row) % len(files)]) as picture:
                small = picture.convert("RGB").resize((resolution, resolution), Image.BILINEAR)
            numpy.multiply(numpy.asarray(small), numpy.float32(2 / 255), out=out[row])
        out -= 1
        return out

    once(0)  # files and code are warm
    barrier.wait()
    began, done = time.time(), 0
    while time.time() - began < seconds:
        once(number * 7919 + done)
        done += batch
    counts[number] = done / (time.time() - began)


def main():
    resolution, processes, seconds, batch = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    files = sys.argv[5:]
    counts = multiprocessing.Array("d", processes)
    barrier = multiprocessing.Barrier(processes)
    workers = [
        multiprocessing.Process(target=load, args=(files, resolution, seconds, batch, barrier, counts, i))
        for i in range(processes)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        if worker.exitcode:
            sys.exit(worker.exitcode)
    print(sum(counts))


if __name__ == "__main__":
    main()

# An image with the program, built, and the CUDA engine: docker build -t palimpsest .
# Smaller, without an engine for GPUs: docker build --build-arg ENGINE=cpu -t palimpsest .
FROM maven:3.9-eclipse-temurin-17 AS build
ARG ENGINE=cuda
ENV PALIMPSEST_ENGINES=/opt/engines
WORKDIR /opt/palimpsest
COPY . .
# The launcher builds on its first call; fetching asks Maven Central once, and nothing is fetched when the image runs.
RUN ./palimpsest --version && mkdir -p /opt/engines && \
    if [ "$ENGINE" != cpu ]; then ./palimpsest engine fetch "$ENGINE" --into /opt/engines; fi

FROM eclipse-temurin:17-jre
ARG ENGINE=cuda
# libgomp for libtorch; mpirun for several processes in a pod; findutils for the probes.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 openmpi-bin findutils && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/palimpsest /opt/palimpsest
COPY --from=build /opt/engines /opt/engines
ENV PALIMPSEST_ENGINES=/opt/engines PALIMPSEST_ENGINE=${ENGINE} PATH=/opt/palimpsest:${PATH}
WORKDIR /runs
# The launcher replaces itself with the JVM, which therefore receives the pod's signals.
ENTRYPOINT ["/opt/palimpsest/palimpsest"]
CMD ["--help"]

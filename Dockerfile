# A static program and nothing else: no shell, no package manager. `make image` builds it with buildah or
# docker. CA roots and time zones are inside the program (build tags roots and timetzdata).
FROM scratch
ARG BINARY=bin/static/latchkey
COPY ${BINARY} /latchkey
USER 65532:65532
ENV LATCHKEY_ADDR=0.0.0.0:8080 LATCHKEY_OPS_ADDR=0.0.0.0:9464
EXPOSE 8080 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s CMD ["/latchkey", "ready"]
ENTRYPOINT ["/latchkey"]
CMD ["serve"]

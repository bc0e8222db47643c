# The sandbox image with what llm-sandbox runs inside a container, and nothing else: `mkdir` and `chown` around
# every copied file, `echo` for its health check, and a Python where its pools expect their virtual environment.
ARG IMAGE
FROM ${IMAGE}
USER 0:0
COPY busybox /usr/bin/busybox
RUN ["/usr/bin/busybox", "sh", "-c", "cd /usr/bin && for name in mkdir chown echo; do /usr/bin/busybox ln -s busybox $name; done; /usr/bin/busybox mkdir -p /sandbox/.sandbox-venv/bin && /usr/bin/busybox ln -s /usr/bin/python3 /sandbox/.sandbox-venv/bin/python"]

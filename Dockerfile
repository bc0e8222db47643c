# The sandbox image: Python, torch, and what runs programs. Nothing else: no shell, no pip, no network.
# `make image` builds it (scripts/image.py), sending a context of just wheels/, requirements.lock,
# strip_root.py, sandbox_image/ and policies/. The build itself needs no network (--network none).
# It works with the classic builder of Engine 20.10 and with BuildKit.

# Any Debian-like root with a `python3` 3.11 on PATH: a public image where there is a registry, else
# one made locally from Debian's packages (scripts/base_image.py).
ARG BASE=python:3.11.13-slim-bookworm

FROM ${BASE} AS base
ENV PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8

# -- python packages, from wheels that lie in the context ------------------------------------------
# pip runs out of its own wheel, so the base needs none. It compiles bytecode: importing torch takes a
# second with it, and three without.
FROM base AS site
COPY wheels/ /wheels/
COPY requirements.lock /wheels/
RUN set -- /wheels/pip-*.whl && python3 "$1/pip" install --quiet --no-index --no-cache-dir --find-links /wheels \
      --root-user-action ignore --disable-pip-version-check \
      --target /opt/assay/site --requirement /wheels/requirements.lock \
 && rm -rf /opt/assay/site/bin /opt/assay/site/torch/include /opt/assay/site/torch/share \
 && find /opt/assay/site -name '*.a' -delete \
 && find /opt/assay/site -type d -name tests -prune -exec rm -rf {} + \
 && PYTHONPATH=/opt/assay/site python3 -W ignore:Failed -c 'import torch, RestrictedPython; print("torch", torch.__version__)'

# -- the root, stripped ----------------------------------------------------------------------------
FROM base AS root
COPY strip_root.py /strip_root.py
RUN ["python3", "-I", "/strip_root.py"]

# -- the image that runs programs ------------------------------------------------------------------
# From scratch, so that what was stripped is not in a lower layer. Sources come last: a change to them
# rebuilds in seconds.
FROM scratch AS sandbox
COPY --from=root / /
COPY --from=site /opt/assay/site /opt/assay/site
ENV PATH=/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/opt/assay:/opt/assay/site \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONWARNINGS="ignore:Failed to initialize NumPy:UserWarning" \
    LANG=C.UTF-8 \
    HOME=/tmp
WORKDIR /
CMD ["python3", "-B", "-m", "sandbox_image.runner"]
COPY sandbox_image /opt/assay/sandbox_image
COPY policies /opt/assay/policies
RUN ["python3", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "/opt/assay/sandbox_image", "/opt/assay/policies"]
ARG SOURCE=unknown
ARG RECIPE=unknown
LABEL assay.source=${SOURCE} assay.recipe=${RECIPE}
USER 65534:65534

# One image with the three static binaries and the demo; the command chooses. It runs as a user
# without rights and holds neither a shell nor a package manager.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=unknown
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X github.com/warrenmq/warren/internal/version.set=${VERSION}" -o /out/ ./cmd/... ./examples/demo

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/ /usr/local/bin/
COPY --from=build /src/examples/demo/warren.yaml /etc/warren/warren.yaml
ENV WARREN_CONFIG=/etc/warren/warren.yaml
USER nonroot
CMD ["worker"]

"""The first program: one request, its answer, and what may go wrong.

python examples/python/first.py URL
"""

import sys

import trunkline


def main(url: str) -> int:
    with trunkline.Client(timeout=trunkline.Timeout(10.0, total=30.0)) as client:
        try:
            response = client.get(url).raise_for_status()
        except trunkline.HTTPStatusError as error:
            print(f"the server says no: {error.response.status_code}")
            return 1
        except trunkline.TimeoutError as error:
            print(f"too slow while in phase {error.phase}")
            return 1
        except trunkline.Error as error:
            print(f"failed: {error}")
            return 1
        print(response.http_version, response.status_code, response.headers.get("content-type"))
        print(f"{len(response.content)} bytes in {response.elapsed * 1000:.1f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

from fakeoci.cloud import Cloud as Cloud
from fakeoci.cloud import ServingError as ServingError
from fakeoci.cloud import serving as serving

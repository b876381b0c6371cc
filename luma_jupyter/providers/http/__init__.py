"""The HTTP client that all providers of a kernel share. httpx is imported in this package alone.

client        `HttpClient`, which the provider clients are given: `requests` and `transfers` over shared connections
connections   the httpx clients, proxies, the key, and httpx's errors translated into ours
proxies       the proxies of the environment, and what goes around them
public        connections to hosts that a service names: to public addresses alone
requests      look-ups, and paid submissions
transfers     uploads and downloads
partial       a file that is being downloaded, of which a part may have come; without httpx
reply         a service's reply; without httpx
"""

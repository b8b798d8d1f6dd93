/** The network of a process that ends at its n-th request: it is lost on its way, or carried out and nobody hears of it. */

class Killed extends Error {}

export function mortalFetch(requestsLeft: number, isLost: boolean): typeof fetch {
  let left = requestsLeft;
  return async (url, init) => {
    if (left <= 0) throw new Killed();
    left -= 1;
    if (left === 0 && isLost) throw new Killed();
    const response = await fetch(url, init);
    if (left === 0) throw new Killed();
    return response;
  };
}

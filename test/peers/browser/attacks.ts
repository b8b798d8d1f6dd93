/** Attacks of a page on a broker: each sends one request in one of the ways that a browser has, and tries to read the reply. */

/** What an attack is aimed at; all of it exists. */
export const VICTIM = {
  queue: '/v1/default/queues/jobs',
  records: '/v1/default/topics/events/records',
  fetch: '/v1/default/topics/events/partitions/0/records?offset=earliest',
};

/** What stands in the broker and must not be seen in a page. */
export const SECRET = 'secret-of-the-broker';

/** What nobody but an attack stores. */
export const EVIL = 'evil-of-the-page';

const MESSAGES = JSON.stringify({ messages: [{ body: EVIL }] });
const RECORDS = JSON.stringify({ records: [{ value: EVIL }] });

/** A form whose one field makes JSON: the name and the value with `=` between them. */
const FORM_NAME = `{"messages":[{"body":"${EVIL}","headers":{"a":"`;
const FORM_VALUE = '"}}]}';

const script = (body: string): string => `async (T) => { ${body} }`;
const fetching = (path: string, init: string): string =>
  script(`return await (await fetch(T + ${JSON.stringify(path)}, ${init})).text();`);
const element = (tag: string, property: string): string =>
  script(`const it = document.createElement('${tag}'); it.${property} = T + ${JSON.stringify(VICTIM.fetch)};
    if ('${tag}' === 'link') it.rel = 'stylesheet';
    document.body.append(it); await wait(); return it.naturalWidth ? 'loaded' : '';`);
const form = (type: string): string =>
  script(`const frame = document.createElement('iframe'); frame.name = 'f' + Math.random(); document.body.append(frame);
    const form = document.createElement('form'); form.method = 'POST'; form.enctype = '${type}'; form.target = frame.name;
    form.action = T + '${VICTIM.queue}/messages';
    const field = document.createElement('input'); field.name = ${JSON.stringify(FORM_NAME)}; field.value = ${JSON.stringify(FORM_VALUE)};
    form.append(field); document.body.append(form); form.submit(); await wait();
    return frame.contentDocument?.body?.innerText ?? '';`);
const sandboxed = (code: string): string =>
  script(`const frame = document.createElement('iframe'); frame.sandbox = 'allow-scripts allow-forms';
    const told = new Promise((resolve) => addEventListener('message', ({ data }) => resolve(data), { once: true }));
    frame.srcdoc = '<body><script>(' + (${code}).toString() + ')(' + JSON.stringify(T) + ')' +
      '.then((text) => parent.postMessage(text, "*"), () => parent.postMessage("", "*"))</' + 'script>';
    document.body.append(frame); return await Promise.race([told, wait().then(() => '')]);`);

/** By name: JavaScript of a function from the address of the broker to what the page could read. */
export const attacks: Readonly<Record<string, string>> = {
  'fetch GET': fetching(VICTIM.fetch, '{}'),
  'fetch GET no-cors': fetching(VICTIM.fetch, "{ mode: 'no-cors' }"),
  'fetch GET with credentials': fetching(VICTIM.fetch, "{ credentials: 'include' }"),
  'fetch POST without a type': fetching(`${VICTIM.queue}/purge`, "{ method: 'POST' }"),
  'fetch POST text': fetching(
    `${VICTIM.queue}/messages`,
    `{ method: 'POST', body: ${JSON.stringify(MESSAGES)} }`,
  ),
  'fetch POST no-cors': fetching(
    `${VICTIM.queue}/messages`,
    `{ method: 'POST', mode: 'no-cors', body: ${JSON.stringify(MESSAGES)} }`,
  ),
  'fetch POST keepalive': fetching(
    `${VICTIM.queue}/purge`,
    "{ method: 'POST', mode: 'no-cors', keepalive: true }",
  ),
  'fetch POST json': fetching(
    VICTIM.records,
    `{ method: 'POST', headers: { 'content-type': 'application/json' }, body: ${JSON.stringify(RECORDS)} }`,
  ),
  'fetch POST urlencoded': fetching(
    VICTIM.records,
    `{ method: 'POST', mode: 'no-cors', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: ${JSON.stringify(RECORDS)} }`,
  ),
  'fetch POST without referrer': fetching(
    `${VICTIM.queue}/purge`,
    "{ method: 'POST', mode: 'no-cors', referrerPolicy: 'no-referrer' }",
  ),
  'fetch DELETE': fetching(VICTIM.queue, "{ method: 'DELETE' }"),
  'fetch PUT': fetching('/v1/default/queues/of-the-page', "{ method: 'PUT', body: '{}' }"),
  'XMLHttpRequest POST': script(`return await new Promise((resolve) => {
    const request = new XMLHttpRequest(); request.open('POST', T + '${VICTIM.queue}/purge');
    request.onloadend = () => resolve(request.responseText); request.send(); });`),
  beacon: script(
    `navigator.sendBeacon(T + '${VICTIM.queue}/messages', ${JSON.stringify(MESSAGES)}); await wait(); return '';`,
  ),
  'form urlencoded': form('application/x-www-form-urlencoded'),
  'form text': form('text/plain'),
  'form multipart': form('multipart/form-data'),
  image: element('img', 'src'),
  script: element('script', 'src'),
  stylesheet: element('link', 'href'),
  iframe: script(`const it = document.createElement('iframe'); it.src = T + '${VICTIM.fetch}';
    document.body.append(it); await wait(); return it.contentDocument?.body?.innerText ?? '';`),
  object: element('object', 'data'),
  video: element('video', 'src'),
  WebSocket: script(`return await new Promise((resolve) => {
    const socket = new WebSocket(T.replace('http', 'ws') + '${VICTIM.queue}/stream');
    socket.onmessage = ({ data }) => resolve(String(data)); socket.onclose = () => resolve('');
    socket.onopen = () => setTimeout(() => resolve('open'), 1000); });`),
  EventSource: script(`return await new Promise((resolve) => {
    const source = new EventSource(T + '${VICTIM.fetch}');
    source.onopen = () => resolve('open'); source.onerror = () => { source.close(); resolve(''); }; });`),
  'sandboxed fetch GET': sandboxed(fetching(VICTIM.fetch, '{}')),
  'sandboxed fetch POST': sandboxed(fetching(`${VICTIM.queue}/purge`, "{ method: 'POST', mode: 'no-cors' }")),
};

/** The page. It reports each attack to its own server before and after it, and says in the end that it is done. */
export function pageOf(target: string, wanted: readonly string[]): string {
  const list = wanted.map((name) => `[${JSON.stringify(name)}, ${attacks[name]!}]`);
  return `<!doctype html><title>attacks</title><body><script>
const wait = () => new Promise((resolve) => setTimeout(resolve, 400));
const report = (line) => fetch('/report', { method: 'POST', body: JSON.stringify(line) });
const run = async () => {
  for (const [name, attack] of [${list.join(',\n')}]) {
    await report({ begins: name });
    let read = '';
    try { read = await attack(${JSON.stringify(target)}); } catch {}
    await wait();
    await report({ name, read: String(read ?? '') });
  }
  await report({ done: true });
};
run();
</script>`;
}

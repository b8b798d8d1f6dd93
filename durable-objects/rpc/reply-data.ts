/**
 * Reply data: what another object has answered, without the disposer that the runtime adds to it. Whoever passes an answer on with its
 * disposer makes the next caller responsible for disposing of it, and the runtime warns about each that does not.
 */

export function replyData<Reply extends object>(reply: Reply): Reply {
  const data: Reply & Partial<Disposable> = { ...reply };
  delete data[Symbol.dispose];
  return data;
}

/** Actions: a button that calls the broker, says what came of it, and asks first where something would be lost. */

import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { wordsOf } from '../data/api.ts';

interface Props {
  readonly children: ComponentChildren;
  /** Returns what to say when it is done. */
  readonly run: () => Promise<string>;
  readonly isMain?: boolean;
  readonly disabled?: boolean;
  /** A name that has to be typed before. */
  readonly confirm?: { readonly name: string; readonly warning: string };
}

export function Action({ children, run, isMain = false, disabled = false, confirm }: Props) {
  const [state, setState] = useState<{ isBusy: boolean; said: string; isBad: boolean }>(IDLE);
  const dialog = useRef<HTMLDialogElement>(null);
  const [typed, setTyped] = useState('');
  const go = async (): Promise<void> => {
    dialog.current?.close();
    setTyped('');
    setState({ ...IDLE, isBusy: true });
    try {
      setState({ ...IDLE, said: await run() });
    } catch (error) {
      setState({ isBusy: false, said: wordsOf(error), isBad: true });
    }
  };
  const begin = (): void => (confirm === undefined ? void go() : dialog.current?.showModal());
  return (
    <span class="action">
      <button
        type="button"
        class={isMain ? 'main' : confirm ? 'danger' : ''}
        disabled={disabled || state.isBusy}
        onClick={begin}
      >
        {children}
      </button>
      <span role="status" class={state.isBad ? 'bad' : 'said'}>
        {state.said}
      </span>
      {confirm && (
        <dialog ref={dialog} aria-label={confirm.warning}>
          <form
            onSubmit={(event) => {
              event.preventDefault();
              if (typed === confirm.name) void go();
            }}
          >
            <p>{confirm.warning}</p>
            <label>
              Type <b>{confirm.name}</b> to go on
              <input
                value={typed}
                spellcheck={false}
                onInput={(event) => setTyped(event.currentTarget.value)}
              />
            </label>
            <p class="buttons">
              <button type="submit" class="danger" disabled={typed !== confirm.name}>
                {children}
              </button>
              <button type="button" onClick={() => dialog.current?.close()}>
                Cancel
              </button>
            </p>
          </form>
        </dialog>
      )}
    </span>
  );
}

const IDLE = { isBusy: false, said: '', isBad: false };

/** Delete action: deletes what a page shows, when its name has been typed, and goes back to the list. */

import { call, pathOf } from '../data/api.ts';
import { hrefOf, type Section } from '../route.ts';
import { Action } from './action.tsx';

interface Props {
  readonly section: Section;
  readonly namespace: string;
  readonly name: string;
  /** What is lost, as a sentence. */
  readonly warning: string;
  /** What the button says. Default: Delete. */
  readonly label?: string;
  readonly onDeleted?: () => void;
}

export function DeleteAction({ section, namespace, name, warning, label = 'Delete', onDeleted }: Props) {
  return (
    <Action
      confirm={{ name, warning }}
      run={async () => {
        await call('DELETE', pathOf([namespace, section, name]));
        onDeleted?.();
        location.hash = hrefOf({ page: section, namespace });
        return 'It is deleted.';
      }}
    >
      {label}
    </Action>
  );
}

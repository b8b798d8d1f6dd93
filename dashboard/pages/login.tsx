/** Login: asks for a token, which the broker keeps in a cookie that no script reads. */

import { useState } from 'preact/hooks';
import { logIn, wordsOf } from '../data/api.ts';
import { textOf } from '../parts/form.ts';
import { Trouble } from '../parts/small-parts.tsx';

export function LoginPage() {
  const [error, setError] = useState<string | null>(null);
  const submit = (event: Event): void => {
    event.preventDefault();
    logIn(textOf(event, 'token')).catch((reason: unknown) => setError(wordsOf(reason)));
  };
  return (
    <form class="login" onSubmit={submit}>
      <h1>Log in</h1>
      <p>This broker asks for a token. It stays in a cookie until you log out or close the browser.</p>
      <label>
        Token <input name="token" type="password" autocomplete="current-password" required />
      </label>
      <button type="submit" class="main">
        Log in
      </button>
      <Trouble error={error} />
    </form>
  );
}

/** Version of the project, as the broker, its contract and the SDK tell it. `package.json` is the only place where it stands. */

import manifest from '../package.json' with { type: 'json' };

export const VERSION: string = manifest.version;

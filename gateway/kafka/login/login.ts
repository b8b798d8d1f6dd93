/** Login of one connection: without SASL where the broker asks for no token, and by SASL PLAIN, SCRAM and OAUTHBEARER. */

import { ERRORS } from '../../../wire/kafka/error-codes.ts';
import { plainCredential, probe, type Credential } from './credentials.ts';
import { SCRAM_MECHANISMS } from '../../../protocol/schemas/logins.ts';
import { asPosthornError } from '../../../sdk/errors.ts';
import { ScramExchange } from './scram.ts';
import { bearerCredential, endOfToken } from './oauth-bearer.ts';

/** What reads the message of each of those that have one. */
const READERS: Readonly<Record<string, typeof plainCredential>> = {
  PLAIN: plainCredential,
  OAUTHBEARER: bearerCredential,
};

const MECHANISMS = ['PLAIN', ...SCRAM_MECHANISMS, 'OAUTHBEARER'];

export interface LoginSettings {
  /** Of the broker. */
  url: string;
  /** Where the user does not say another. */
  namespace: string;
  /** The client is on this machine. */
  isFromHere: boolean;
}

export class Login {
  readonly #settings: LoginSettings;
  /** That the client has chosen. */
  #mechanism: string | null = null;
  #exchange: ScramExchange | null = null;
  #endsMs = Infinity;
  #credential: Credential | null = null;
  #anonymous: Promise<Credential | null> | null = null;

  constructor(settings: LoginSettings) {
    this.#settings = settings;
  }

  /** Null if the client has to log in first. */
  async credential(): Promise<Credential | null> {
    if (this.#credential) return this.#credential;
    this.#anonymous ??= this.#withoutLogin();
    return await this.#anonymous;
  }

  /** The token has ended, and the client has not brought another. */
  get hasEnded(): boolean {
    return Date.now() >= this.#endsMs;
  }

  handshake({ mechanism }: { mechanism: string }): object {
    const isKnown = MECHANISMS.includes(mechanism);
    this.#mechanism = isKnown ? mechanism : null;
    this.#exchange = null;
    return {
      errorCode: isKnown ? ERRORS.NONE : ERRORS.UNSUPPORTED_SASL_MECHANISM,
      mechanisms: MECHANISMS,
    };
  }

  /** A client that logs in again stays in the namespace where it is. */
  async authenticate({ authBytes }: { authBytes: Uint8Array }): Promise<object> {
    const mechanism = this.#mechanism;
    if (mechanism === null) return refusal(ERRORS.ILLEGAL_SASL_STATE, 'SaslHandshake comes first');
    const read = READERS[mechanism];
    if (read === undefined) return await this.#authenticateByScram(mechanism, authBytes);
    this.#mechanism = null;
    const credential = read(authBytes, this.#settings.namespace);
    if (credential === null)
      return failed('expected a user and a token as the password, or a token as the bearer');
    const problem = this.#isElsewhere(credential) ? ELSEWHERE : await this.#problemOf(credential);
    return problem === null
      ? this.#enter(credential, endOfToken(credential.token))
      : failed(refused(problem));
  }

  /** Once for each message of the client. */
  async #authenticateByScram(mechanism: string, message: Uint8Array): Promise<object> {
    this.#exchange ??= new ScramExchange(this.#settings.url, mechanism);
    try {
      const { text, login } = await this.#exchange.answer(message);
      const authBytes = new TextEncoder().encode(text);
      if (login === null) return { errorCode: ERRORS.NONE, errorMessage: null, authBytes };
      this.#mechanism = this.#exchange = null;
      if (this.#isElsewhere(login.credential)) return failed(refused(ELSEWHERE));
      return { ...this.#enter(login.credential, login.endsMs), authBytes };
    } catch (error) {
      this.#mechanism = this.#exchange = null;
      const { code, message } = asPosthornError(error);
      return failed(refused(`${code}: ${message}`));
    }
  }

  #isElsewhere({ namespace }: Credential): boolean {
    return this.#credential !== null && this.#credential.namespace !== namespace;
  }

  /** @param endsMs when the client has to log in again; null: never */
  #enter(credential: Credential, endsMs: number | null): object {
    this.#credential = credential;
    this.#endsMs = endsMs ?? Infinity;
    const sessionLifetimeMs = endsMs === null ? 0 : Math.max(1, endsMs - Date.now());
    return { errorCode: ERRORS.NONE, errorMessage: null, sessionLifetimeMs };
  }

  /** Without tokens any user and password are as good as none. */
  async #problemOf(credential: Credential): Promise<string | null> {
    const isOpen =
      this.#settings.isFromHere && (await probe(this.#settings.url, { ...credential, token: null })) === null;
    if (!isOpen) return await probe(this.#settings.url, credential);
    credential.token = null;
    return null;
  }

  async #withoutLogin(): Promise<Credential | null> {
    const { url, namespace, isFromHere } = this.#settings;
    const nobody = { namespace, token: null };
    return isFromHere && (await probe(url, nobody)) === null ? nobody : null;
  }
}

const ELSEWHERE = 'the namespace of a connection stays';

const refused = (why: string): string => `the login was refused (${why})`;
const failed = (why: string): object => refusal(ERRORS.SASL_AUTHENTICATION_FAILED, why);
const refusal = (errorCode: number, errorMessage: string): object => ({ errorCode, errorMessage });

/** The calls on tokens. A token is of one namespace; whoever has `manage` on that namespace makes, rotates and revokes them. */

import {
  tokenDeclarationSchema,
  tokenListSchema,
  tokenMadeSchema,
  tokenPageQuerySchema,
  tokenRotationSchema,
  tokenSchema,
} from '../schemas/tokens.ts';
import { SCRAM_LOGINS_PATH, scramReplySchema, scramStepSchema } from '../schemas/logins.ts';
import { onSome } from './access-rule.ts';
import { BODY_ERRORS, FIELD_ERRORS, type Operation } from './operation.ts';

const TOKENS = '/admin/v1/tokens';
const TOKEN = `${TOKENS}/{token}`;
const ITS_NAMESPACE = '`manage` on the namespace of the token';

export const tokenOperations = {
  listTokens: {
    id: 'listTokens',
    method: 'get',
    path: TOKENS,
    tag: 'tokens',
    access: onSome('manage', '`manage` on the namespace that the query names, or else the root token'),
    summary: 'List tokens, without their secrets',
    query: tokenPageQuerySchema,
    replies: { 200: { description: 'A page of tokens, by namespace and id', json: tokenListSchema } },
    errors: FIELD_ERRORS,
  },
  makeToken: {
    id: 'makeToken',
    method: 'post',
    path: TOKENS,
    tag: 'tokens',
    access: onSome('manage', '`manage` on the namespace, and every scope that the new token is to have'),
    audit: true,
    summary: 'Make a token. Its secret is shown only in this reply',
    body: { json: tokenDeclarationSchema },
    replies: { 201: { description: 'The token', json: tokenMadeSchema } },
    errors: ['namespace_not_found', ...BODY_ERRORS],
  },
  getToken: {
    id: 'getToken',
    method: 'get',
    path: TOKEN,
    tag: 'tokens',
    access: onSome('manage', ITS_NAMESPACE),
    summary: 'Read a token, without its secret',
    replies: { 200: { description: 'The token', json: tokenSchema } },
    errors: ['token_not_found'],
  },
  rotateToken: {
    id: 'rotateToken',
    method: 'post',
    path: `${TOKEN}/rotate`,
    tag: 'tokens',
    access: onSome('manage', ITS_NAMESPACE),
    audit: true,
    summary: 'Give a token a second secret. The former one stays good until a time',
    body: { json: tokenRotationSchema },
    replies: { 200: { description: 'The token with its new secret', json: tokenMadeSchema } },
    errors: ['token_not_found', 'token_revoked', 'token_rotating', ...BODY_ERRORS],
  },
  revokeToken: {
    id: 'revokeToken',
    method: 'delete',
    path: TOKEN,
    tag: 'tokens',
    access: onSome('manage', ITS_NAMESPACE),
    audit: true,
    summary: 'Revoke a token with all its secrets. Repeating it changes nothing',
    replies: { 200: { description: 'The token as it was', json: tokenSchema } },
    errors: ['token_not_found'],
  },
  logInByScram: {
    id: 'logInByScram',
    method: 'post',
    path: SCRAM_LOGINS_PATH,
    tag: 'tokens',
    access: 'proof',
    summary:
      'Log in by SCRAM (RFC 5802): prove to know the secret of a token without sending it, in two calls, and get a credential that stands for the token for an hour',
    body: { json: scramStepSchema },
    replies: { 200: { description: 'The next message of the server', json: scramReplySchema } },
    errors: ['unauthenticated', 'too_many_unknown_tokens', ...BODY_ERRORS],
  },
} as const satisfies Record<string, Operation>;

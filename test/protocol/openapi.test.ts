import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { errorTable } from '../../protocol/errors.ts';
import { openApiDocument } from '../../protocol/openapi.ts';
import { operations, PATH_PARAMETERS } from '../../protocol/operations/index.ts';

interface Described {
  operationId: string;
  parameters: { name: string; in: string; description?: string; schema: object }[];
  responses: Record<string, { description: string }>;
}
const document = openApiDocument() as {
  paths: Record<string, Record<string, Described>>;
  components: { schemas: { Problem: { properties: { code: { enum: string[] } } } } };
};

describe('the OpenAPI document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const result = await new Validator().validate(structuredClone(document));
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
  });

  it('has every operation, with each of its parameters and errors', () => {
    for (const operation of Object.values(operations)) {
      const described = document.paths[operation.path]?.[operation.method];
      expect(described?.operationId).toBe(operation.id);
      for (const [, name] of operation.path.matchAll(/\{(\w+)\}/g)) {
        expect(Object.keys(PATH_PARAMETERS)).toContain(name);
        expect(described!.parameters.map((parameter) => parameter.name)).toContain(name);
      }
      for (const code of operation.errors) {
        expect(described!.responses[errorTable[code].status]!.description, operation.id).toContain(code);
      }
    }
  });

  it('names every error code', () => {
    expect(document.components.schemas.Problem.properties.code.enum).toEqual(Object.keys(errorTable));
  });
});

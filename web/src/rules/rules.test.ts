import { describe, expect, it } from 'vitest'
import type { Rule, RuleSet } from '../api/rules.ts'
import { diffLines, diffSets } from './diff.ts'
import { PatternError, readArguments, readNamed, readNames, writeArguments, writeNamed } from './patterns.ts'
import { idFault, idFor, inOrder, matchWords, mergeSets, putRule, scopeWords, tidyRule } from './set.ts'

const rule = (id: string, more: Partial<Rule> = {}): Rule => ({
  ...{ id, priority: 50, action: 'deny', match: { programs: [id] } },
  ...more,
})

describe('patterns as text', () => {
  it('come back as they were', () => {
    const programs = ['rm', 'git-*', '/usr/bin/dd', { regex: '^mkfs(\\.|$)' }]
    expect(readNamed(writeNamed(programs))).toEqual(programs)
    const patterns = [
      { flags: ['-r', '--recursive'] },
      '*.conf',
      { regex: '^/etc' },
      { at: 1, glob: 'push' },
      { regex: 'a b', joined: true },
      { flags: ['-odd flag'] },
    ]
    expect(readArguments(writeArguments(patterns))).toEqual(patterns)
  })

  it('are read as somebody writes them', () => {
    expect(readNamed(' rm \n\n/^dd$/\n')).toEqual(['rm', { regex: '^dd$' }])
    expect(readArguments('-f --force\n-\n--x=1')).toEqual([{ flags: ['-f', '--force'] }, '-', '--x=1'])
    expect(() => readArguments('ok\n{"at": ')).toThrow(PatternError)
    expect(readNames('a, b，c  a')).toEqual(['a', 'b', 'c'])
  })
})

describe('a rule set', () => {
  const set: RuleSet = { version: 1, rules: [rule('b'), rule('a'), rule('z', { priority: 1 })] }

  it('is asked by priority, then by id', () => {
    expect(inOrder(set.rules).map(({ id }) => id)).toEqual(['z', 'a', 'b'])
  })

  it('takes a rule under another id at its place', () => {
    expect(putRule(set, rule('c'), 'a').rules?.map(({ id }) => id)).toEqual(['b', 'c', 'z'])
    expect(putRule(set, rule('d'), null).rules).toHaveLength(4)
  })

  it('has ids that a name can be made into', () => {
    expect(idFor('No rm -rf /!', new Set())).toBe('no-rm-rf')
    expect(idFor('禁止', new Set(['rule']))).toBe('rule-2')
    expect(idFault('no-rm')).toBe(false)
    for (const bad of ['', 'A', 'a_b', 'x'.repeat(65)]) expect(idFault(bad), bad).toBe(true)
  })

  it('keeps what others have done meanwhile, and what is changed here', () => {
    const base: RuleSet = { version: 1, rules: [rule('a'), rule('b'), rule('c')] }
    const mine: RuleSet = { version: 1, rules: [rule('a', { priority: 1 }), rule('b'), rule('mine')] }
    const theirs: RuleSet = {
      version: 1,
      default: { action: 'deny' },
      rules: [rule('theirs'), rule('c'), rule('a'), rule('b', { priority: 9 })],
    }
    expect(mergeSets(base, mine, theirs)).toEqual({
      ...{ version: 1, default: { action: 'deny' }, command_groups: [] },
      rules: [rule('theirs'), rule('a', { priority: 1 }), rule('b', { priority: 9 }), rule('mine')],
    })
    expect(mergeSets(base, { ...mine, default: { action: 'alert' } }, theirs).default?.action).toBe('alert')
  })

  it('is stored without what says nothing', () => {
    const empty = { ...rule('a'), name: '', scope: { users: [], doors: [] }, reason: { en: '' } }
    expect(tidyRule({ ...empty, enabled: true, mode: 'enforce' })).toEqual(rule('a'))
    const off = { ...rule('a'), enabled: false, mode: 'dry_run' as const }
    expect(tidyRule(off)).toEqual(off)
  })

  it('is told in short', () => {
    expect(matchWords({ groups: ['disks'], arguments: [{ flags: ['-r', '-R'] }, '/'] })).toBe(
      '@disks  -r|-R /',
    )
    expect(scopeWords({ users: ['ops'], tags: ['prod'], doors: ['line'] })).toBe('ops, #prod, line')
    expect(scopeWords()).toBe('')
  })
})

describe('a difference', () => {
  it('is the fewest lines', () => {
    expect(diffLines(['a', 'b', 'c'], ['a', 'x', 'c', 'd']).map(({ sign, text }) => sign + text)).toEqual([
      ...[' a', '-b', '+x', ' c', '+d'],
    ])
  })

  it('is told by rule, whatever their order', () => {
    const before: RuleSet = { version: 1, rules: [rule('a'), rule('b')] }
    const after: RuleSet = {
      version: 1,
      default: { action: 'deny' },
      rules: [rule('b', { priority: 1 }), rule('c')],
    }
    expect(diffSets(before, after).map(({ what, kind, id }) => `${what} ${kind} ${id}`)).toEqual([
      ...['rule changed b', 'rule added c', 'rule removed a', 'rest changed '],
    ])
    expect(diffSets(before, { ...before, rules: [rule('b'), rule('a')] })).toEqual([])
  })
})

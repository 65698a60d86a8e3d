import { Button } from 'antd'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { importRules, type RuleFormat, type RulesImported } from '../api/rules.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Choice } from '../parts/field.tsx'
import { ImportText, LookThenApply } from '../parts/import-form.tsx'
import { useAction } from '../parts/use-load.ts'
import { Report } from '../servers/report.tsx'
import { FaultsNotice } from './words.tsx'

/** JSON begins with a brace; everything else with names of columns. */
const guess = (text: string, name: string): RuleFormat =>
  name.toLowerCase().endsWith('.csv') || (text.trim() !== '' && !/^[{[]/.test(text.trim())) ? 'csv' : 'json'

/** First what would happen, then it happens: imported rules hold at once. */
export function ImportRules({ done, close }: { done: () => void; close: () => void }) {
  const { t } = useTranslation()
  const [format, setFormat] = useState<RuleFormat>('json')
  const [text, setText] = useState('')
  const [report, setReport] = useState<RulesImported | null>(null)
  const { busy, problem, run, clear } = useAction()
  const take = (now: string, name = '') => {
    setText(now)
    setFormat(guess(now, name))
    setReport(null)
    clear()
  }
  const send = (dryRun: boolean) =>
    run(async () => {
      setReport(await importRules(format, text, dryRun))
      if (!dryRun) done()
    })
  const applied = report && !report.dry_run
  const count = report ? report.created.length + report.changed.length : 0
  return (
    <Dialog title={t('rules.import')} close={close} wide>
      <div className="form">
        {!applied && (
          <>
            <p className="soft">{t('rules.import.lead')}</p>
            <ImportText
              text={text}
              take={take}
              beside={
                <Choice
                  label={t('servers.import.format')}
                  options={{ json: 'JSON', csv: 'CSV' }}
                  value={format}
                  choose={(one) => {
                    setFormat(one)
                    setReport(null)
                  }}
                />
              }
            />
          </>
        )}
        <FaultsNotice problem={problem} />
        {report && <Report report={report} what="rules" />}
        <div className="dialog-actions">
          <Button onClick={close}>{applied ? t('form.done') : t('form.cancel')}</Button>
          {!applied && (
            <LookThenApply
              busy={busy}
              disabled={!text.trim()}
              apply={count > 0 ? t('rules.import.apply', { count }) : null}
              send={send}
            />
          )}
        </div>
      </div>
    </Dialog>
  )
}

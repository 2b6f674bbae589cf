//! `unlapse broker providers`

use serde_json::{Value, json};
use unlapse_oauth::provider::{Catalogue, Provider};

use super::Run;
use super::shown::{data, list, table, text};
use crate::args::ProvidersArguments;
use crate::commands::serve::own_providers;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;

pub(super) fn run(run: &Run<'_>, arguments: &ProvidersArguments) -> Result<Exit, Diagnosis> {
    let catalogue = match &arguments.check {
        Some(path) => own_providers(&run.environment.absolute(path))?,
        None => Catalogue::built_in(),
    };
    let providers: Vec<_> = catalogue.iter().map(|provider| described(provider)).collect();
    data(run, &json!({ "providers": providers }), told);
    Ok(Exit::Ok)
}

fn described(provider: &Provider) -> Value {
    json!({
        "provider": provider.id(),
        "name": provider.display_name(),
        "reuse": provider.reuse().to_string(),
        "needs": provider.variables().keys().collect::<Vec<_>>(),
    })
}

fn told(providers: &Value) -> String {
    let row =
        |provider| ["provider", "name", "reuse", "needs"].map(|member| text(provider, member));
    let rows: Vec<_> = list(providers, "providers").iter().map(row).collect();
    table(["PROVIDER", "NAME", "A USED REFRESH TOKEN IS", "NEEDS"], &rows)
}

let make ?(base = "") ?(path_style = Setting.Literal) ?(path_params = []) ?(params = []) url =
  Outcome.catch (fun () ->
      let pieces = Native.url_new base url in
      Native.url_set_path_style pieces (Settings.path_style_number path_style);
      List.iter (fun (name, content) -> Native.url_add_path_param pieces name content) path_params;
      List.iter (fun (name, content) -> Native.url_add_param pieces name content) params;
      Native.url_build pieces)
